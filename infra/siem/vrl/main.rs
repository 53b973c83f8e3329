//! Vector's language over findings: the program named by the first argument, over one event a line of standard input.
//! What it aborts is left out.
use std::io::BufRead;
use vrl::compiler::{
    compile,
    runtime::{Runtime, Terminate},
    state::RuntimeState,
    TargetValue, TimeZone,
};
use vrl::value::{Secrets, Value};

fn main() {
    let program = std::env::args().nth(1).expect("the program");
    let source = std::fs::read_to_string(program).expect("a program that can be read");
    let compiled = compile(&source, &vrl::stdlib::all()).unwrap_or_else(|errors| {
        eprintln!("{errors:?}");
        std::process::exit(2)
    });
    let timezone = TimeZone::default();
    for line in std::io::stdin().lock().lines() {
        let event: serde_json::Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let mut target = TargetValue {
            value: Value::from(event),
            metadata: Value::Object(Default::default()),
            secrets: Secrets::default(),
        };
        match Runtime::new(RuntimeState::default()).resolve(&mut target, &compiled.program, &timezone) {
            Ok(_) => println!("{}", serde_json::to_string(&target.value).expect("JSON")),
            Err(Terminate::Abort(_)) => {}
            Err(error) => {
                eprintln!("{error:?}");
                std::process::exit(3)
            }
        }
    }
}
