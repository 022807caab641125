//! Firmware on an emulated Cortex-M4.

#![forbid(unsafe_code)]

use integration_tests::board::{Board, firmware};

#[test]
fn the_assembler_signs_and_verifies_as_p256_does_within_its_instructions() {
    let said = Board::mps2_an386().run(&firmware("crypto-check")).stdout_of_success();
    // The table, for whoever looks.
    println!("{said}");
    assert!(said.ends_with("crypto-check: passed\n"), "{said}");
}

#[test]
fn an_agent_takes_no_more_memory_than_its_limits() {
    // Above one of them it would not even compile.
    let said = Board::mps2_an386().run(&firmware("agent-sizes")).stdout_of_success();
    println!("{said}");
    assert!(said.ends_with("agent-sizes: passed\n") && said.contains("future of Agent::run"), "{said}");
}
