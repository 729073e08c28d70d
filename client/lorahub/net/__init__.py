"""HTTP as the client needs it: connections that stay open, proxies, redirects, trying again."""
