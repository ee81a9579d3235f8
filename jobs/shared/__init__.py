"""What every stage shares: names, models, ports and adapters. It knows no stage."""
