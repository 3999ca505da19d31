"""The API's OpenAPI document, generated from the declarations of the operations."""
