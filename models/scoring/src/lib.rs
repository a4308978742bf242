//! The whole answer about one customer: the model file opened, and scores read off a journey state.
