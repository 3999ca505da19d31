"""The status page as text: templates, static files, and how a run looks.

It gets plain values and returns HTML.
"""
