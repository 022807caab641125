//! [`FactorsWatch`]: notices new password files and key sets, and what the clock does to those in force.

use std::sync::Arc;

use super::happened::Happened;
use super::watched_files::WatchedFiles;
use crate::factors::FactorStore;

/// What is known of the files behind second factors.
pub struct FactorsWatch {
    files: WatchedFiles,
    store: Arc<FactorStore>,
}

impl FactorsWatch {
    /// Nothing has been seen yet: the first look reads everything again.
    pub fn of(store: Arc<FactorStore>) -> Self {
        Self { files: WatchedFiles::default(), store }
    }

    /// Looks at the files, and at how old their keys are, and puts in force what is new; returns what has happened. A file
    /// that is refused leaves its predecessor in force. Mostly some microseconds; a large password file takes a tenth of a second.
    pub fn look(&mut self) -> Vec<Happened> {
        self.store.notice_age();
        if !self.files.are_due(&self.store.files()) {
            return Vec::new();
        }
        match self.store.reload() {
            Ok(changed) => {
                self.files.read(Vec::new(), false);
                if changed { vec![Happened::FactorsInForce] } else { Vec::new() }
            }
            Err(error) => {
                let why = format!("second factors are verified as before: {error}");
                let news = self.files.read(vec![why], error.may_pass());
                news.into_iter().map(Happened::FactorsRefused).collect()
            }
        }
    }
}
