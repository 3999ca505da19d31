"""What is checked in a cluster before anything in it is changed."""
