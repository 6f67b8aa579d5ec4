"""Migrations of the schema ``risk``, in a folder and with a version table of their own."""
