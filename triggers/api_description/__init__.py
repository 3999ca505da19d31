"""What the API says of itself: an OpenAPI document made from what the operations declare. Knows no more of them."""
