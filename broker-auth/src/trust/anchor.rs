//! The CA certificates of a trust.
