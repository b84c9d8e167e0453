"""The pipeline around the plugin: sources, scheduler, dataflow, sinks and `mvot-run`."""
