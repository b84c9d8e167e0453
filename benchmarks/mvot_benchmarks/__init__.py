"""What the product is measured by: `mvot-bench`."""
