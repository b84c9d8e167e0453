"""For the tests of the library: feature maps and lifecycles."""
