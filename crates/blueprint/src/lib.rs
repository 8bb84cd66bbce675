//! Inventory and policy to plan and report (pure).
