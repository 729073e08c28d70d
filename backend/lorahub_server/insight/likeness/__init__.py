"""Which adapter files are the same in another form, near each other, or made of each other."""
