"""The messages and stubs of percorso.v1, generated when the package is built."""
