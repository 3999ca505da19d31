"""The status page as text: templates, static files, and how a run looks.

Must not know Azure, clusters, the workflow engine, HTTP or who may see what: it gets plain values and returns HTML.
"""
