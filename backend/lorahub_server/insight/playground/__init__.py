"""The playground: a prompt, up to three adapters, one picture for whoever asked."""
