#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ferrio_fuzz::queues::check(data));
