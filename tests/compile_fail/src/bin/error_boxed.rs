// is not a `std::error::Error`: write `.map_err(retry_core::Error::boxed)?`
#![allow(unused)]
use retry_core::{Class, Policy, retry};
use std::error::Error;

fn read() -> Result<u32, Box<dyn Error + Send + Sync>> {
    let stock = retry(&Policy::DEFAULT).classify(|_: &Box<dyn Error + Send + Sync>| Class::Network);
    Ok(stock.run_blocking(|| Ok("7".parse::<u32>()?))?)
}

fn main() {}
