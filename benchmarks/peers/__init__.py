"""Small programs of other libraries with their default settings, to compare the service with."""
