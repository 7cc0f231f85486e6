"""What recipes measure besides their metrics: one `measure(trained) -> numbers` a file."""
