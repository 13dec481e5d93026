"""What the service is compared with: small programs of other libraries, with their defaults."""
