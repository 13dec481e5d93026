"""Measure this service against a plain one of Flask, Celery and Redis, side by side."""
