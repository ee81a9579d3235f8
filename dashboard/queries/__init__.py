"""What the pages ask of the lake and of the document store; nothing here knows Streamlit."""
