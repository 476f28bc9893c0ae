//! Generates client and server of the service `stock.Stock`, from the description below.
//!
//! With a `.proto` file, this is one line of tonic-prost-build, which needs `protoc`.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let method = |name: &str, route: &str, input: &str, output: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type(format!("crate::stock::{input}"))
            .output_type(format!("crate::stock::{output}"))
            .codec_path("tonic_prost::ProstCodec")
    };
    let stock = Service::builder()
        .name("Stock")
        .package("stock")
        .method(method("count", "Count", "Article", "Amount").build())
        .method(method("list", "List", "Article", "Amount").server_streaming().build())
        .method(method("order", "Order", "NewOrder", "Receipt").build())
        .build();
    Builder::new().compile(&[stock]);
    println!("cargo::rerun-if-changed=build.rs");
}
