//! Will this customer leave: one head per churn definition and horizon.
