"""Make every listener's list out of what people like them heard, what is similar, what is popular and what is new."""
