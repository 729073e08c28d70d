"""Lists that people make of repositories, with a note to each."""
