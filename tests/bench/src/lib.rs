//! Benches that print their tables: percorso beside its peers in one run.
