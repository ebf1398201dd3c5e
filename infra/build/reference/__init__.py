"""The reference pages of the docs, written from the code.

Meanings come from docstrings and from the messages themselves, so that nobody writes them twice.
"""
