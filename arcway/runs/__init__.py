"""Runs as the workflow engine has them: started, looked up, listed, canceled. Triggers and activities use it."""
