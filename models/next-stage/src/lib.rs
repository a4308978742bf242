//! What comes next: the distribution over the next stage.
