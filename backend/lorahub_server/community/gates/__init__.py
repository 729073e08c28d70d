"""Requests for the files of gated repositories: asked, answered, listed.

Who may have the files is decided on the floor below, in access/gates.py.
"""
