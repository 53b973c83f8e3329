"""What the kernel sensor costs, beside other ways to see the same."""
