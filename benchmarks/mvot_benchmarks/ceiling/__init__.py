"""Where quality is lost: the pipeline with its motion, identities or detector made perfect."""
