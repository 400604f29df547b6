"""The models of the last migration."""

from __future__ import annotations

from django.db import models
from pgvector.django import HnswIndex, VectorField


class Product(models.Model):
    """Something that is found by its embedding."""

    name = models.CharField(max_length=100, unique=True)
    price = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    tags = models.JSONField(default=list)
    added = models.DateTimeField(auto_now_add=True)
    embedding = VectorField(dimensions=3, null=True)

    class Meta:
        indexes = (
            HnswIndex(
                name="shop_product_ann",
                fields=["embedding"],
                m=16,
                ef_construction=64,
                opclasses=["vector_cosine_ops"],
            ),
        )
