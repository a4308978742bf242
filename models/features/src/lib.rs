//! What a model may see: the catalogue of features derived from the spec, and the row it reads off a journey state.
