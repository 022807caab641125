#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    fuzz::credential_store::run(input);
});
