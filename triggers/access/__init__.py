"""Authorization: callers and their roles, bearer tokens, the page's session and its sign-in.

Routes declare roles to `triggers.http.answer`; pages use `session.viewer_of`, `session.check_csrf` and
`session.to_sign_in`.
"""
