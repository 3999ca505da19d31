"""The embedded stack: everything that lets the unmodified function app run on one machine. Never deployed."""
