//! The budgets of a file, made once and shared.

use core::fmt;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use crate::budget::{BudgetConfig, SharedBudget};

/// The budgets of a program's operations, made by [`OperationsFile::budgets`](crate::config::OperationsFile::budgets).
///
/// Operations that give the name of the same shared budget share one.
#[derive(Clone, Default)]
pub struct OperationBudgets(Vec<Entry>);

#[derive(Clone)]
struct Entry {
    operation: String,
    /// The name of the shared budget; `None` for one of its own.
    shared: Option<String>,
    budget: Arc<SharedBudget<BudgetConfig>>,
}

impl OperationBudgets {
    /// Returns the budget of the operation; `None` if it has none, so that each retry is granted. A
    /// [`Retry`](crate::Retry::budget) takes the outcome as it is.
    pub fn of(&self, operation: &str) -> Option<Arc<SharedBudget<BudgetConfig>>> {
        let entry = self.0.iter().find(|entry| entry.operation == operation)?;
        Some(Arc::clone(&entry.budget))
    }

    pub(super) fn add(&mut self, operation: &str, shared: Option<&str>, config: BudgetConfig) {
        let same = self.0.iter().find(|entry| shared.is_some() && entry.shared.as_deref() == shared);
        let budget = match same {
            Some(same) => Arc::clone(&same.budget),
            None => Arc::new(SharedBudget::new(config)),
        };
        self.0.push(Entry { operation: operation.into(), shared: shared.map(String::from), budget });
    }
}

impl fmt::Debug for OperationBudgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|entry| (&entry.operation, entry.budget.rules()))).finish()
    }
}
