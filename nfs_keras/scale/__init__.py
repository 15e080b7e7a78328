"""Many images, many GPUs and many machines, with existing engines.

An `Embedder` computes embeddings in any engine: the local one, Ray Data,
Spark, Beam. Embeddings are stored in Parquet shards, each with the *model
version* that made it: embeddings of two models are in different spaces, and
are never compared. A `Gallery` stores them in Milvus and finds the nearest.

All of this requires the network's SavedModel, but not its Python code.

The import needs neither TensorFlow nor Keras: a gallery does without them, and
so does an engine's worker whose embedder needs none.
"""

from nfs_keras.scale.embed import EmbeddingCounts as EmbeddingCounts
from nfs_keras.scale.embed import embed_folder as embed_folder
from nfs_keras.scale.embed import embed_images as embed_images
from nfs_keras.scale.embedder import Embedder as Embedder
from nfs_keras.scale.embedder import model_version as model_version
from nfs_keras.scale.gallery import Gallery as Gallery
from nfs_keras.scale.image_list import image_list as image_list
from nfs_keras.scale.image_list import list_images as list_images
from nfs_keras.scale.image_list import (
    read_image_list as read_image_list,
)
from nfs_keras.scale.index_embeddings import IndexCounts as IndexCounts
from nfs_keras.scale.index_embeddings import (
    index_embeddings as index_embeddings,
)
from nfs_keras.scale.query_image import Match as Match
from nfs_keras.scale.query_image import format_matches as format_matches
from nfs_keras.scale.query_image import query_image as query_image
