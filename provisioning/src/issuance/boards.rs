//! Two devices of one product with one board serial number: a label that was typed or printed twice.

use std::collections::HashMap;

use crate::conflict::Conflict;
use crate::order::{Order, OrderDetails};
use crate::registry::{Registry, RegistryError};

/// A board: its product, if it has one, and the serial number on its label, as they are meant.
type Board = (Option<String>, String);

fn board(details: &OrderDetails) -> Option<Board> {
    let meant = details.as_meant();
    meant.serial_number.map(|serial_number| (meant.product, serial_number))
}

/// The new devices whose board is that of a device registered before, or of an earlier line.
pub(super) fn conflicts_of_boards<'a>(
    registry: &Registry,
    new: impl IntoIterator<Item = &'a Order>,
) -> Result<Vec<Conflict>, RegistryError> {
    let mut ordered: HashMap<Board, &Order> = HashMap::new();
    let mut conflicts = Vec::new();
    for order in new {
        let Some(board) = board(&order.details) else { continue };
        match ordered.get(&board) {
            Some(first) => {
                let other = format!("{} in line {}", first.device_id, first.line);
                conflicts.push(conflict(order, board, &other));
            }
            None => _ = ordered.insert(board, order),
        }
    }
    if !ordered.is_empty() {
        registry.for_each_board(|device| {
            if let Some(board) = board(&device.details)
                && let Some(order) = ordered.get(&board)
            {
                conflicts.push(conflict(order, board, &device.device_id));
            }
        })?;
    }
    Ok(conflicts)
}

fn conflict(order: &Order, (product, serial_number): Board, holder: &str) -> Conflict {
    Conflict::BoardSerial { line: order.line, serial_number, product, holder: holder.to_owned() }
}
