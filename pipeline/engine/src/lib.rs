//! Sorting and folding journeys in bounded memory: the only room that knows DataFusion.
