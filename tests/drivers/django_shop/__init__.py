"""A Django application with a vector column, for test_django."""
