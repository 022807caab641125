//! How numbers are read.

/// At least one day, at most a hundred years.
pub(super) fn days() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=36_525)
}
