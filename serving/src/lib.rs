//! Scores and events over gRPC, from an embedded store that is always current.
