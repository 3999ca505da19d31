"""The routes of the status page: who sees what, and what a form does. How it looks is in `arcway.page`."""
