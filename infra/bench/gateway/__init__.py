"""What the gateway adds to a call, beside a bare byte pump and beside the proxies of others."""
