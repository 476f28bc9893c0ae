//! The messages of the service `stock.Stock`, and its client and server, which `build.rs` generates.

/// The article that a call is about.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Article {
    #[prost(string, tag = "1")]
    pub sku: String,
}

/// How much of an article is in stock.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Amount {
    #[prost(uint32, tag = "1")]
    pub count: u32,
}

/// An order. The service has no way to tell a repeated order from a second one.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NewOrder {
    #[prost(string, tag = "1")]
    pub sku: String,
    #[prost(uint32, tag = "2")]
    pub count: u32,
}

/// The number of an order that was accepted.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Receipt {
    #[prost(uint64, tag = "1")]
    pub number: u64,
}

tonic::include_proto!("stock.Stock");
