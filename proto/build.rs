//! Compiles the schemas with protox, so that no protoc is needed on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for schema in ["proto/tickwire.proto", "proto/tape.proto"] {
        println!("cargo:rerun-if-changed={schema}");
        let descriptors = protox::compile([schema], ["proto"])?;
        prost_build::Config::new().compile_fds(descriptors)?;
    }
    Ok(())
}
